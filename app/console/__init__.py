"""The console: what Lookalike knows, to be looked at in a browser.

    request → session (cookie) → the token's access → a page → services → template

Pages are HTML from the server and work by links and forms alone; htmx replaces parts of them, and a small module
in ``static/pages`` does what only a browser can (dropping a picture, drawing a box, keys). A page is a line in a
table (``page.Page``) and a function that reads its request, calls a service and renders: there is no logic of its
own here, and no JSON interface; what scripts want is in the REST interface. ``visit.Visit`` is what a page gets:
who asks, for which collection, and what came along.

Everything that a page shows of records is text from strangers. Jinja escapes it; nothing is marked as safe, no
script or style stands in a page (the content security policy forbids both), and addresses are built from parts.

Each module in ``pages`` is one place of the navigation; its templates are in a folder of its name, its script and
style sheet in ``static/pages``.
"""
