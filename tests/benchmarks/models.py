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


class ImportedArticle(models.Model):
    """A row of the workbooks that imports are measured with."""

    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=200, unique=True)
    author = models.CharField(max_length=50)
    summary = models.TextField()
    views = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    published_at = models.DateTimeField()
    is_published = models.BooleanField()

    class Meta:
        db_table = "bench_import"

    def __str__(self):
        return self.title
