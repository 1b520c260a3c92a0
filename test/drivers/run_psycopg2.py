from decimal import Decimal
from calls import calls, connection, missing, report
try:
    import psycopg2
except ImportError:
    missing("psycopg2")


def ask(cursor, sql, params):
    cursor.execute(sql.replace("?", "%s"), [psycopg2.Binary(p) if isinstance(p, bytes) else p for p in params])
    return cursor.fetchone()[0]


db = psycopg2.connect(**connection())
db.autocommit = True
for name, sql, params, expected in calls(Decimal):
    report(f"psycopg2: {name}", lambda: ask(db.cursor(), sql.replace("?::bytea", "?"), params), expected)
