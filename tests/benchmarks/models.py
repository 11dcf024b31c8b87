"""What the benchmarks read and write, as an app ``tests.benchmarks``."""

from django.db import models


class Item(models.Model):
    """A row that writers count up."""

    value = models.BigIntegerField(default=0)

    class Meta:
        db_table = "bench_item"

    def __str__(self):
        return f"{self.pk}: {self.value}"


class Article(models.Model):
    title = models.CharField(max_length=200)

    class Meta:
        db_table = "bench_article"

    def __str__(self):
        return self.title
