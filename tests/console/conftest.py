import pytest

from tests.console.visitor import Visitor
from tests.service import Service


@pytest.fixture
def visitor(service: Service) -> Visitor:
    """Somebody who is signed in, with a collection of vectors."""
    service.use_vectors()
    return Visitor(service)
