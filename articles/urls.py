from django.urls import path

from articles import api, caches, feeds, views

app_name = "articles"
urlpatterns = [
    path("", views.home, name="home"),
    path("articles/", views.article_list, name="list"),
    path("articles/<str:slug>/", views.article_detail, name="detail"),
    path("articles/<str:slug>/preview/", views.article_preview, name="preview"),
    path("categories/<str:slug>/", views.category_articles, name="category"),
    path("tags/<str:slug>/", views.tag_articles, name="tag"),
    path("authors/<str:username>/", views.author_articles, name="author"),
    path("search/", views.search, name="search"),
    path("feed/", caches.feed(feeds.LatestArticlesFeed()), name="feed"),
]

# Without a language in the address: programs choose it by Accept-Language.
api_urlpatterns = [
    path("articles", api.article_list, name="article_list"),
    path("articles/<str:slug>", api.article_detail, name="article_detail"),
]
