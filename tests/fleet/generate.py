"""Makes a fleet of reports out of a few that the real program printed.

    generate.py BASES OUT BEGAN

BASES holds NAME.report.json, one of them with drops; the recordings began in the day from BEGAN on,
in seconds since 1970. OUT gets:

    reports.ndjson   the sound reports of 10,000 documents, a line each, some hosts twice
    lines.ndjson     all 10,000, a line each, as they are in many/ but for line breaks
    many/            the same 10,000 documents as files, with broken, foreign, truncated and
                     duplicate ones among them
    expected.json    how many of each there are
"""

import json
import random
import sys
from pathlib import Path

DOCUMENTS = 10_000
KERNELS = ["4.19.108", "4.19.113-300.el7.x86_64", "5.4.0-42-generic", "6.1.0-18-amd64", None]


def report(base, number, began, rng):
    """A report of a host: drops and limits of a real one, the rest varied."""
    made = json.loads(json.dumps(base))
    made["source"]["host"] = f"node{number:05}"
    made["source"]["began"] = began + rng.randrange(86_400)
    made["source"]["kernel"] = rng.choice(KERNELS)
    return made


def main():
    bases_dir, out, began = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    bases = [json.loads(path.read_text()) for path in sorted(bases_dir.glob("*.report.json"))]
    rng = random.Random(6)
    many = out / "many"
    many.mkdir(parents=True)
    expected = dict.fromkeys(
        ["hosts", "repeated", "duplicate", "broken", "foreign", "truncated", "version", "malformed", "empty"], 0
    )
    sound, lines = [], []
    for number in range(DOCUMENTS):
        made = report(bases[number % len(bases)], number, began, rng)
        text = json.dumps(made, indent=2) if number % 2 else json.dumps(made)
        kind = ["hosts", "repeated", "duplicate", "broken", "foreign", "truncated", "version", "malformed", "empty"][
            rng.choices(range(9), [88, 3, 2, 1, 2, 1, 1, 1, 1])[0]
        ]
        if kind in ("repeated", "duplicate") and not sound:
            kind = "hosts"
        if kind == "repeated":
            # Another report of a host that has one.
            made = report(bases[number % len(bases)], 0, began, rng)
            other = rng.choice(sound)["source"]
            made["source"].update(host=other["host"], kernel=other["kernel"])
            made["source"]["began"] += number / 16_384
            text = json.dumps(made)
        elif kind == "duplicate":
            # The copy is of the bytes, and in a file of another name.
            text = rng.choice(list(written.values()))
        elif kind == "broken":
            text = text.replace('"drops"', "'drops'", 1)
        elif kind == "foreign":
            text = rng.choice(['{"kind": "List", "items": []}', "[1, 2]", '"words"', "17", json.dumps([made])])
        elif kind == "truncated":
            text = text[: rng.randrange(2, len(text) - 1)]
        elif kind == "version":
            text = text.replace("ip6drop.report/1", "ip6drop.report/2")
        elif kind == "malformed":
            del made["drops"]
            text = json.dumps(made)
        elif kind == "empty":
            text = rng.choice(["", "\n\n"])
        if kind in ("hosts", "repeated"):
            sound.append(made)
        if kind == "hosts":
            written[number] = text
        expected[kind] += 1
        (many / f"{number:05}.json").write_text(text)
        lines.append(text.replace("\n", " ") + "\n")
    (out / "reports.ndjson").write_text("".join(json.dumps(made) + "\n" for made in sound))
    (out / "lines.ndjson").write_text("".join(lines))
    (out / "expected.json").write_text(json.dumps(expected))


written = {}
main()
