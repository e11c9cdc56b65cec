"""What runs ``wsgi:app``: the servers, their settings, and what is deployed around them."""
