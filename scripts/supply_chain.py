"""What we depend on: `audit` asks for known weaknesses of the locked packages, `bom` writes their bill of materials.

`./check audit` and `./check bom` call it. Where the source of weaknesses cannot be reached, the audit says so and
passes: a check must not fail because a network is closed.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.txt"
BOM = ROOT / "bom.cdx.json"
#: For all packages together; they are asked for one by one.
AUDIT_SECONDS = 300


#: Sources of known weaknesses, in turn: of an index that is a mirror only the packages are known, and not their faults.
SOURCES = (["--vulnerability-service", "pypi"], ["--vulnerability-service", "osv"])


def audit(lock: Path = LOCK, sources: Sequence[Sequence[str]] = SOURCES) -> int:
    """1 if a locked package has a known weakness; a note if no source could be asked."""
    said = ""
    for source in sources:
        packages, said = _asked(lock, source)
        # A source that knows none of them was not reached, whatever it answers.
        if any("skip_reason" not in package for package in packages):
            return verdict(packages)
    print(f"note: nothing was audited, no source of weaknesses can be reached: {said:.120}")
    return 0


def _asked(lock: Path, source: Sequence[str]) -> tuple[list[dict[str, Any]], str]:
    """What a source says of each package, and its last words."""
    command = ["--requirement", str(lock), "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    try:
        done = _run("pip_audit", *command, "--format", "json", *source, timeout=AUDIT_SECONDS)
    except subprocess.TimeoutExpired:
        return [], "it did not answer in time"
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["no answer"])[-1]
    return packages, "it knows none of the packages"


def verdict(packages: Sequence[dict[str, Any]]) -> int:
    """Say what was found of which package, and of how many nothing could be said."""
    unknown = [package for package in packages if "skip_reason" in package]
    weak = [package for package in packages if package.get("vulns")]
    for package in weak:
        for found in package["vulns"]:
            fixed = ", ".join(found.get("fix_versions", [])) or "no release yet"
            print(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    if unknown:
        print(f"note: {len(unknown)} of {len(packages)} packages are unknown to the source and were not audited")
    return 1 if weak else 0


def bom() -> int:
    """Write the bill of materials in CycloneDX' format; not 0 if it could not be made."""
    done = _run("cyclonedx_py", "requirements", str(LOCK), "--output-format", "JSON", "--output-file", str(BOM))
    if done.returncode:
        print(done.stderr)
        return done.returncode
    made = json.loads(BOM.read_text())
    print(f"note: {BOM.name} lists {len(made['components'])} packages (CycloneDX {made['specVersion']})")
    return 0


def _run(module: str, *arguments: str, timeout: int = AUDIT_SECONDS) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)  # noqa: S603 - ours


if __name__ == "__main__":
    sys.exit({"audit": audit, "bom": bom}[sys.argv[1]]())
