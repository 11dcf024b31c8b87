"""What of the articles is cached: for each value its key, its tags and its read."""

from accounts.models import User
from articles.models import Article, Banner, Category, Tag
from core.caching import track

track(Article, Banner, Category, Tag)
# Pages show an author's name; a login that is noted voids none of them.
track(User, only=["username", "first_name", "last_name"])
