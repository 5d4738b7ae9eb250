"""Alembic's own template, with the URL from the environment and one line for autogenerate."""

import os

from alembic import context
from shop.release_2 import Base
from sqlalchemy import create_engine, pool

from migrator import alembic as phased

url = os.environ["SHOP_URL"]

if context.is_offline_mode():
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            process_revision_directives=phased.autogenerate,
        )
        with context.begin_transaction():
            context.run_migrations()
