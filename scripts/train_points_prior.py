"""Train the cross-project prior that ships: `python -m scripts.train_points_prior DIRECTORY [--out FILE]`.

Reads train and validation rows of every CSV in DIRECTORY (issue_key, title, description, story_points, split), never
test rows, and writes hashed coefficients and fingerprints, no text.
"""

import argparse
from pathlib import Path

from apps.common.operations.named_files import writable
from apps.ml.benchmarks.points import history
from apps.ml.benchmarks.points.data import PointsProject, read_projects
from apps.ml.core.points.prior import PointsPrior
from apps.ml.core.points.prior_training import train_prior

SHIPPED = Path(__file__).parent.parent / "apps/ml/core/points/data/points_prior.npz"
#: Part of every artefact trained with it: raise it with every change of the file.
VERSION = "1"


def main() -> None:
    """Train and write the prior, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--out", type=writable, default=SHIPPED)
    options = parser.parse_args()
    prior = trained_on(read_projects(options.directory))
    options.out.write_bytes(prior.to_bytes())
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {len(prior.fingerprints):,} issues")


def trained_on(projects: list[PointsProject]) -> PointsPrior:
    """The prior of these projects' train and validation rows."""
    return train_prior({project.name: history(project) for project in projects}, version=VERSION)


if __name__ == "__main__":
    main()
