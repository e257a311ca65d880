"""Train the prior of sprints that ships: `python -m scripts.train_sprint_prior DIRECTORY [--out FILE]`.

Reads every <project>_iteration_<percent>.csv in DIRECTORY and writes trees and summaries as plain numbers, no row and
no text.
"""

import argparse
from hashlib import sha256
from pathlib import Path

from apps.common.operations.named_files import writable
from apps.ml.benchmarks.sprints import trained
from apps.ml.benchmarks.sprints.data import read_projects

SHIPPED = Path(__file__).parent.parent / "apps/ml/core/sprints/outcome/data/sprint_prior.npz"
#: Shown with every answer: raise it with every change of the file.
VERSION = "2"


def main() -> None:
    """Train and write the prior, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--out", type=writable, default=SHIPPED)
    options = parser.parse_args()
    prior = trained(read_projects(options.directory), version=VERSION)
    data = prior.to_bytes()
    options.out.write_bytes(data)
    print(f"{options.out}: {len(data):,} bytes, {', '.join(prior.learned_from)}, SHA-256 {sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
