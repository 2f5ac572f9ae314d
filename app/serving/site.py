"""All that is served over HTTP: the REST interface, and the console unless it is switched off."""

from flask import Flask

from app.api.abandonment import is_abandoned
from app.api.application import create_app
from app.console.blueprint import console
from app.services.runtime import Runtime
from app.serving.proxies import BehindProxies


def create_site(runtime: Runtime) -> Flask:
    """The WSGI application over an open runtime."""
    site = create_app(runtime)
    if runtime.settings.console:
        site.register_blueprint(console(runtime, is_abandoned))
    site.wsgi_app = BehindProxies(site.wsgi_app, runtime.settings)  # type: ignore[method-assign]  # as Flask advises
    return site
