"""Loading models, and starting what decodes pictures, before the first request asks for them."""

import logging
from contextlib import suppress

from PIL import Image

from app.domain.errors import LookalikeError, ModelUnavailable, PictureRefused
from app.domain.model import VECTORS
from app.images.nursery import NurseryClosed
from app.services.operating.collections import list_collections
from app.services.runtime import Runtime

log = logging.getLogger(__name__)


def preload_models(runtime: Runtime) -> None:
    """Load the models of all collections, and run each once: the first run takes longer than those after it.

    A model that cannot be loaded is logged: requests that need no model are served without it.
    """
    try:
        names = {collection.model.name for collection in list_collections(runtime)} - {VECTORS}
    except LookalikeError as error:
        log.warning("no model is loaded yet: %s", error)
        return
    runtime.expected_models = frozenset(names)
    if names:
        with suppress(NurseryClosed):  # whoever needs it says why
            runtime.decoders.start()
    for name in sorted(names):
        try:
            model = runtime.models.get(name)
        except LookalikeError as error:
            log.warning("a model of existing collections is not loaded: %s", error)
        else:
            # A picture of nothing may embed to nothing, and the server may be at its end already.
            with suppress(PictureRefused, ModelUnavailable):
                model.embed_pictures([Image.new("RGB", (64, 64), "grey")])
