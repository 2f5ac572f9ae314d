"""A file of records: every form that is read, and one sentence for everything else."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from app.domain.collection import Collection
from app.domain.errors import InvalidRequest
from app.domain.model import VECTORS, ModelIdentity
from app.services.transfer.file_kinds import EXPECTED
from app.services.transfer.record_files import items_of_file
from app.services.transfer.sources import Item
from tests.images.samples import PLAIN, npy, photograph

