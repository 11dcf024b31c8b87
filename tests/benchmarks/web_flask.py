"""The usual Flask stack: DBUtils, Flask-Caching and Flask-Session on Redis."""

import json
import os

import pymysql
import redis
from dbutils.pooled_db import PooledDB
from flask import Flask, jsonify, session
from flask_caching import Cache
from flask_session import Session
from pymysql.cursors import DictCursor

ADDRESS = json.loads(os.environ["BENCH_DATABASE"])

pool = PooledDB(
    creator=pymysql,
    mincached=2,
    maxcached=10,
    maxconnections=10,
    blocking=True,
    ping=0,
    host=ADDRESS["HOST"],
    port=ADDRESS["PORT"],
    user=ADDRESS["USER"],
    database=ADDRESS["NAME"],
    charset="utf8mb4",
)
application = Flask(__name__)
application.config["CACHE_TYPE"] = "RedisCache"
application.config["CACHE_REDIS_URL"] = os.environ["BENCH_REDIS"]
application.config["SESSION_TYPE"] = "redis"
application.config["SESSION_REDIS"] = redis.Redis.from_url(os.environ["BENCH_REDIS"])
cache = Cache(application)
Session(application)


@application.get("/bench/uncached")
def uncached():
    connection = pool.connection()
    cursor = connection.cursor(DictCursor)
    cursor.execute("SELECT id, title FROM bench_article LIMIT 10")
    rows = cursor.fetchall()
    cursor.close()
    connection.close()
    return jsonify({"code": 100, "msg": "Success", "result": rows})


@application.get("/bench/cached")
@cache.cached(timeout=300)
def cached():
    return uncached()


@application.get("/bench/visits")
def count_visits():
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@application.get("/bench/visits/read")
def read_visits():
    return str(session.get("visits", 0))
