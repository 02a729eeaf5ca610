"""What happens around the API: one outer ASGI layer per idea, composed in :mod:`aimo.http.edge.middleware`.

A layer is a callable made of the app it wraps. Layers see HTTP requests only.
"""
