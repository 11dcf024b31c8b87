"""Where somebody is logged in, and how he ends it there."""

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.sessions import list_sessions, revoke_all, revoke_session, session_id

ALL_OTHERS = "others"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def session_list(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        messages.success(request, end(request, request.POST.get("session", "")))
        return redirect("accounts:sessions")
    context = {
        "sessions": list_sessions(request.user),
        "current": session_id(request.session),
        "all_others": ALL_OTHERS,
    }
    return render(request, "accounts/session_list.html", context)


def end(request: HttpRequest, chosen: str) -> str:
    """End what was chosen; tell that in a sentence.

    A session that has ended before, or is somebody else's, makes no difference.
    """
    if chosen == ALL_OTHERS:
        ended = revoke_all(request.user, keep=request.session)
        message = ngettext(
            "%(count)d other session has ended.",
            "%(count)d other sessions have ended.",
            ended,
        )
        return message % {"count": ended}
    if chosen == session_id(request.session):
        logout(request)
    else:
        revoke_session(request.user, chosen)
    return _("That session has ended.")
