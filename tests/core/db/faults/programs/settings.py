"""Settings of the programs: one database, given by environment variables."""

import json
import os

import core.db.mysql  # noqa: F401, PyMySQL for Django's own backend, too

pool = json.loads(os.environ["FAULTS_POOL"])
SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.core.db.faults.programs.urls"
DATABASES = {
    "default": {
        "ENGINE": os.environ["FAULTS_ENGINE"],
        "HOST": "127.0.0.1",
        "PORT": int(os.environ["FAULTS_PORT"]),
        "USER": "root",
        "NAME": "inkstone",
        "OPTIONS": {} if pool is None else {"pool": pool},
    }
}
