"""Changes of the store's schema, by Alembic."""
