"""The usual Flask stack: connections from DBUtils, Flask-Caching on Redis."""

import json
import os

import pymysql
from dbutils.pooled_db import PooledDB
from flask import Flask, jsonify
from flask_caching import Cache
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
cache = Cache(application)


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
