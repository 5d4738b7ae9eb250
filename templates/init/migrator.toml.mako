# Settings of migrator. The same keys may stand under [tool.migrator] in pyproject.toml.
# Every key has a default; flags and MIGRATOR_* variables win over this file.

migrations = "migrations"        # folder of the migrations
lock_timeout = "500ms"           # longest wait for, or hold of, a lock that blocks others
lock_budget = "5min"             # how long a refused lock is retried

[backfill]
workers = 1                      # connections that move data at once
target_ms = 100                  # how long one batch should take
max_lag = "2s"                   # pause while a standby is further behind

[gate]
soak = "15min"                   # how long no old code must have been seen before a contract

# Contract needs to know which applications use this database. One table each:
#
# [[gate.service]]
# name = "web"                   # as the application calls migrator.beat('web', …)
# ttl = "45s"                    # it beats every ttl/3
# db_roles = ["web_l*"]          # roles it connects with; or application_name = 'web/VERSION/LEVEL'

[lint]
pg_version = 14                  # oldest server in use
