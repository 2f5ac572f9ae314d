"""Importing pictures, against a bare loop of decoding, hashing and embedding over the same files.

Both run as processes of their own, in turn, so that both pay for starting; what starting alone costs is taken off
both by a run over no more than one picture.
"""

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from app.samples.catalogue import sample_products
from tests.bench.deployment import ROOT, Deployment
from tests.bench.table import Table

COUNT = 1000
ROUNDS = 3

BARE_LOOP = """
import sys
from pathlib import Path
from app.embedding.registry import ModelRegistry
from app.images.decode import decode_picture
from app.images.phash import perceptual_hash
from app.images.thumbnail import make_thumbnail, pixel_hash
model = ModelRegistry(2).get("efficientnet-lite0")
batch = []
for path in sorted(Path(sys.argv[1]).iterdir()):
    picture = decode_picture(path.read_bytes(), max_pixels=10**8)
    perceptual_hash(picture)
    if sys.argv[2] == "thumbnails":
        pixel_hash(picture)
        make_thumbnail(picture)
    batch.append(picture)
    if len(batch) == 32:
        model.embed_pictures(batch)
        batch = []
if batch:
    model.embed_pictures(batch)
"""


def draw(folder: Path, count: int) -> None:
    """Pictures of the sample catalogue at several sizes, as JPEG files."""
    folder.mkdir()
    products = sample_products()
    for number in range(count):
        picture = products[number % len(products)].draw()
        side = 640 + 80 * (number // len(products))
        picture.resize((side, side)).save(folder / f"{number:05}.jpg", quality=90)


def measure(deployment: Deployment, table: Table, *, thumbnails: bool = False) -> None:
    """Add the throughput of the import and of the bare loop, and their ratio; both with ``thumbnails`` or none."""
    many, one = deployment.folder / "pictures", deployment.folder / "picture"
    draw(many, COUNT)
    draw(one, 1)
    ratios, imports, loops, spent = [], [], [], []
    for turn in range(ROUNDS):
        seconds, before = [], _processor_seconds()
        for folder in (one, many):
            collection = deployment.new_collection(f"{folder.name} {turn}")
            seconds.append(deployment.timed_command("import", collection, folder)[0])
        between = _processor_seconds()
        loop = [_bare_loop(folder, thumbnails) for folder in (one, many)]
        spent.append((_processor_seconds() - between) / (between - before))
        imports.append((COUNT - 1) / (seconds[1] - seconds[0]))
        loops.append((COUNT - 1) / (loop[1] - loop[0]))
        ratios.append(imports[-1] / loops[-1])
    table.add(
        f"import of {COUNT} pictures",
        f"{statistics.median(imports):.0f}/s",
        f"bare loop {statistics.median(loops):.0f}/s, ratio {statistics.median(ratios):.2f}, "
        f"of processors' time {statistics.median(spent):.2f}",
        "ratio ≥ 0.80",
    )


def _bare_loop(folder: Path, thumbnails: bool) -> float:
    started = time.perf_counter()
    kind = "thumbnails" if thumbnails else "none"
    subprocess.run([sys.executable, "-c", BARE_LOOP, str(folder), kind], cwd=ROOT, check=True)
    return time.perf_counter() - started


def _processor_seconds() -> float:
    """Of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
