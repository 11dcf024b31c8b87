from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.conf.urls.static import static
from django.contrib import admin
from django.contrib.sitemaps.views import sitemap
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accounts.urls import api_urlpatterns as accounts_api
from articles.sitemaps import SITEMAPS
from articles.urls import api_urlpatterns
from core.web import health

admin.site.site_title = admin.site.site_header = _("Inkstone administration")

urlpatterns = [
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("api/", include((api_urlpatterns, "api"))),
    path("api/", include((accounts_api, "accounts_api"))),
    path("sitemap.xml", sitemap, {"sitemaps": SITEMAPS}, name="sitemap"),
    path(
        "robots.txt",
        TemplateView.as_view(template_name="robots.txt", content_type="text/plain"),
    ),
    *i18n_patterns(
        path("admin/", admin.site.urls),
        path("accounts/", include("accounts.urls")),
        path("", include("articles.urls")),
    ),
    # Only with DEBUG; in production the web server serves uploads.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]

handler400 = "core.web.errors.bad_request"
handler403 = "core.web.errors.permission_denied"
handler404 = "core.web.errors.page_not_found"
handler500 = "core.web.errors.server_error"
