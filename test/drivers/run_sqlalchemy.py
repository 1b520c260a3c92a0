import asyncio
from decimal import Decimal
from calls import calls, connection, missing, report
try:
    from sqlalchemy import create_engine, bindparam, text
    from sqlalchemy.engine import URL
    import sqlalchemy
except ImportError:
    missing("sqlalchemy")


def named(sql):
    for i in range(sql.count("?")):
        sql = sql.replace("?", f":p{i}", 1)
    return text(sql.replace("::", "\\:\\:"))


def url(driver):
    where = connection()
    return URL.create(f"postgresql+{driver}", username=where["user"], host=where["host"], port=int(where["port"]),
                      database=where["database"])


def ask(engine, sql, params):
    with engine.begin() as db:
        return db.execute(named(sql), {f"p{i}": p for i, p in enumerate(params)}).scalar()


# as literals of the expression language, which have the types that it gives them
def ask_typed(engine, sql, params):
    values = [bindparam(f"p{i}", p) for i, p in enumerate(params)]
    with engine.begin() as db:
        return db.execute(named(sql).bindparams(*values)).scalar()


ran = 0
for driver, module in (("psycopg2", "psycopg2"), ("psycopg", "psycopg")):
    try:
        __import__(module)
        engine = create_engine(url(driver))
    except Exception:
        continue  # SQLAlchemy before 2.0 knows no psycopg 3
    ran += 1
    for name, sql, params, expected in calls(Decimal):
        report(f"SQLAlchemy {sqlalchemy.__version__}, {driver}: {name}", lambda: ask(engine, sql, params), expected)
    for name, sql, params, expected in calls(Decimal):
        report(f"SQLAlchemy {sqlalchemy.__version__}, {driver}, typed: {name}", lambda: ask_typed(engine, sql, params), expected)


async def run_async():
    from sqlalchemy.ext.asyncio import create_async_engine
    engine = create_async_engine(url("asyncpg"))
    for name, sql, params, expected in calls(float):
        try:
            async with engine.begin() as db:
                result = (await db.execute(named(sql), {f"p{i}": p for i, p in enumerate(params)})).scalar()
            report(f"SQLAlchemy, asyncpg: {name}", lambda: result, expected)
        except Exception as e:
            error = e

            def fail():
                raise error
            report(f"SQLAlchemy, asyncpg: {name}", fail, expected)
    await engine.dispose()

try:
    import asyncpg
    ran += 1
    asyncio.run(run_async())
except ImportError:
    pass
if ran == 0:
    missing("a driver of SQLAlchemy")
