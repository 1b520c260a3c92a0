from decimal import Decimal
from calls import calls, connection, missing, report
try:
    import psycopg
    from psycopg.types.json import Json, Jsonb
except ImportError:
    missing("psycopg")

where = connection()
where["dbname"] = where.pop("database")
for binary in (False, True):
    for wrap in (None, Json, Jsonb):
        db = psycopg.connect(autocommit=True, **where)
        for name, sql, params, expected in calls(Decimal, *([wrap] if wrap else [])):
            sql = sql.replace("?::bytea", "?").replace("?", "%b" if binary and wrap is None and "callback" not in name else "%s")
            report(f"psycopg3{', binary' if binary else ''}{', ' + wrap.__name__ if wrap else ''}: {name}",
                   lambda: db.execute(sql, params).fetchone()[0], expected)
