import asyncio
import re
from calls import calls, connection, missing, report
try:
    import asyncpg
except ImportError:
    missing("asyncpg")


def numbered(sql):
    n = iter(range(1, 100))
    return re.sub(r"\?", lambda m: f"${next(n)}", sql)


loop = asyncio.new_event_loop()
db = loop.run_until_complete(asyncpg.connect(**connection()))
for name, sql, params, expected in calls(float):
    report(f"asyncpg: {name}", lambda: loop.run_until_complete(db.fetchval(numbered(sql), *params)), expected)
