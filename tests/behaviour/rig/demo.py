"""What tests/demo shows once nodeproof is built: a node with a few good and a few bad images is checked."""

import subprocess
import sys

from . import catalogue, packages, program
from .containerd import Containerd
from .program import Nodeproof
from .registry import Registry

IMAGES = ("good", "good-python", "good-static", "wrong-helper", "no-arch", "wrong-arch", "wrong-init", "sigill")


def say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def differences(outcome: program.Outcome, references: dict[str, str]) -> list[str]:
    found = []
    for name, reference in references.items():
        case, image = catalogue.case(name), outcome.image(reference)
        got = (image["verdict"], program.codes(image, "fail", "unknown"), program.codes(image, "warn"))
        wanted = (case.verdict, sorted(case.codes), sorted(case.warnings))
        if got != wanted:
            found.append(f"{name} ({case.why}): expected {wanted}, got {got}")
    return found


def main() -> int:
    host = packages.host_architecture()
    say("starting a private containerd and a private registry on loopback")
    with Registry() as registry, Containerd() as containerd, Nodeproof() as nodeproof:
        print(f"containerd at {containerd.socket}, registry at {registry.name}")
        say("filling the registry with images made of Debian packages, for arm64 and amd64")
        references = catalogue.publish(registry, host, IMAGES)
        for name, reference in references.items():
            print(f"{reference:<32} {catalogue.case(name).why}")
        config = nodeproof.write_config(catalogue.config(containerd, references))
        command = nodeproof.command("check", "-c", config)
        say("nodeproof " + " ".join(command[1:]))
        code = subprocess.run(command).returncode
        say("the same again as JSON: nothing is downloaded or run a second time; compared with what is expected")
        again = nodeproof.check(config)
        wrong = differences(again, references)
        if (code, again.code) != (1, 1):
            wrong.append(f"expected exit code 1 twice, got {code} and {again.code}: {again.stderr}")
    for line in wrong:
        print(f"tests/demo: {line}", file=sys.stderr)
    if not wrong:
        print("Every image got the verdict it deserves. Everything that was started has ended and is removed.")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except packages.Unavailable as error:
        sys.exit(f"tests/demo: cannot fetch what the demonstration needs: {error}")
