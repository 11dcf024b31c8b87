import pytest

from articles.models import Article
from tests.factories import make_article, make_category, make_tag, make_user

pytestmark = pytest.mark.django_db


def test_list_has_the_envelope_of_the_tutorials(client):
    article = make_article(
        title="连接池",
        slug="pool",
        summary="摘要",
        author=make_user(username="ada"),
        category=make_category(slug="database"),
        tags=[make_tag(slug="mysql")],
    )
    make_article(status=Article.Status.DRAFT)

    response = client.get("/api/articles")

    published_at = article.published_at.isoformat(timespec="milliseconds")
    assert response.json() == {
        "code": 100,
        "msg": "Success",
        "result": [
            {
                "id": article.pk,
                "title": "连接池",
                "slug": "pool",
                "author": "ada",
                "category": "database",
                "tags": ["mysql"],
                "summary": "摘要",
                "published_at": published_at.replace("+00:00", "Z"),
                "url": "http://testserver/en/articles/pool/",
                "api_url": "http://testserver/api/articles/pool",
            }
        ],
    }
    assert "连接池" in response.content.decode()


def test_message_follows_the_language(client):
    response = client.get("/api/articles", headers={"accept-language": "zh-CN"})

    assert response.json()["msg"] == "成功"


def test_detail_adds_the_body(client):
    make_article(slug="pool", body="*one*", source_url="https://example.com/")

    result = client.get("/api/articles/pool").json()["result"]

    assert result["body"] == "*one*"
    assert result["body_html"] == "<p><em>one</em></p>\n"
    assert result["source_url"] == "https://example.com/"


def test_list_has_pages_and_tells_the_total(client):
    for number in range(12):
        make_article(slug=f"a{number}")

    first = client.get("/api/articles")
    last = client.get("/api/articles?page=3&per_page=5")

    assert len(first.json()["result"]) == 10
    assert [row["slug"] for row in last.json()["result"]] == ["a1", "a0"]
    assert last.headers["X-Total-Count"] == "12"


@pytest.mark.parametrize("query", ["category=c", "tag=t", "author=ada", "tag=t&page=1"])
def test_list_can_be_narrowed_down(client, query):
    make_article(
        slug="wanted",
        category=make_category(slug="c"),
        tags=[make_tag(slug="t")],
        author=make_user(username="ada"),
    )
    make_article()

    result = client.get(f"/api/articles?{query}").json()["result"]

    assert [row["slug"] for row in result] == ["wanted"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=x", "page='x': Enter a whole number."),
        (
            "per_page=101",
            "per_page='101': Ensure this value is less than or equal to 100.",
        ),
        (
            "page=0",
            "page='0': Ensure this value is greater than or equal to 1.",
        ),
    ],
)
def test_bad_query_is_refused_with_its_name_and_value(client, query, message):
    response = client.get(f"/api/articles?{query}")

    assert response.status_code == 400
    assert response.json() == {"code": 400, "msg": message, "result": None}


def test_page_beyond_the_last_is_not_found(client):
    response = client.get("/api/articles?page=2")

    assert response.status_code == 404
    assert response.json()["code"] == 404


def test_unknown_or_hidden_article_is_not_found(client):
    make_article(slug="draft", status=Article.Status.DRAFT)

    response = client.get("/api/articles/draft")

    assert response.status_code == 404
    assert response.json() == {
        "code": 404,
        "msg": "There is no article “draft”.",
        "result": None,
    }


def test_other_methods_are_refused_in_the_envelope(client):
    response = client.delete("/api/articles")

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert response.json() == {
        "code": 405,
        "msg": "The method DELETE is not allowed here; allowed: GET, HEAD.",
        "result": None,
    }


def test_unknown_endpoint_is_not_found_in_the_envelope(client):
    response = client.get("/api/nothing")

    assert response.status_code == 404
    assert response.json()["result"] is None
