import math
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_required
from django.contrib.messages.views import SuccessMessageMixin
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from django.views.generic import CreateView, UpdateView

from accounts import forms
from accounts.backends import attempt_of
from accounts.models import Order, User
from accounts.orders import cancel_order, place_order

ORDERS_PER_PAGE = 20


class SignedInRequest(HttpRequest):
    user: User


private = method_decorator([never_cache, login_required], name="dispatch")


class SavesUniqueMixin:
    """Says that a unique value is taken, also if it was taken a moment ago."""

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                return super().form_valid(form)  # type: ignore[misc,no-any-return]
        except IntegrityError:
            # Between the form's look and the INSERT: another look must show it.
            form.full_clean()
            if form.is_valid():
                raise
            return self.form_invalid(form)  # type: ignore[attr-defined,no-any-return]


@method_decorator(
    [never_cache, sensitive_post_parameters("password1", "password2")], name="dispatch"
)
class SignUpView(SavesUniqueMixin, views.RedirectURLMixin, CreateView):
    form_class = forms.SignUpForm
    template_name = "accounts/sign_up.html"
    next_page = "accounts:profile"

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        if self.object is not None:
            login(self.request, self.object)
            messages.success(self.request, _("Welcome! Your account is ready."))
        return response


class LoginView(views.LoginView):
    authentication_form = forms.LoginForm
    template_name = "accounts/login.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        if form.has_error("__all__", "locked"):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(math.ceil(form.wait().total_seconds()))
        return response


@private
class ProfileView(SavesUniqueMixin, SuccessMessageMixin, UpdateView):
    request: SignedInRequest
    form_class = forms.ProfileForm
    template_name = "accounts/profile.html"
    success_url = reverse_lazy("accounts:profile")
    success_message = gettext_lazy("Your profile was saved.")

    def get_object(self, queryset: Any = None) -> User:
        # Not request.user itself, which the header shows: the form changes it.
        return User.objects.select_related("membership").get(pk=self.request.user.pk)


@private
class PasswordChangeView(SuccessMessageMixin, views.PasswordChangeView):
    form_class = forms.PasswordChangeForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("accounts:profile")
    success_message = gettext_lazy("Your password was changed.")


@method_decorator(never_cache, name="dispatch")
class PasswordResetView(views.PasswordResetView):
    form_class = forms.PasswordResetForm
    template_name = "accounts/password_reset.html"
    success_url = reverse_lazy("accounts:password_reset_sent")

    def form_valid(self, form: Any) -> HttpResponse:
        form.enqueue_mail(self.request)
        return HttpResponseRedirect(self.get_success_url())


class PasswordResetConfirmView(SuccessMessageMixin, views.PasswordResetConfirmView):
    form_class = forms.SetPasswordForm
    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("accounts:login")
    success_message = gettext_lazy("Your password was changed: sign in with it.")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        # Whoever has forgotten a password has tried others before.
        attempt_of(form.user, form.user.username, self.request).forget_failures()
        return response


@never_cache
@login_required
@require_safe
def order_list(request: SignedInRequest) -> HttpResponse:
    orders = Order.objects.filter(user=request.user).select_related("plan")
    paginator = Paginator(orders, ORDERS_PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    pages = paginator.get_elided_page_range(page.number)
    context = {"page": page, "page_range": pages}
    return render(request, "accounts/order_list.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def order_new(request: SignedInRequest) -> HttpResponse:
    form = forms.OrderForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        order = place_order(request.user, **form.cleaned_data)
        return redirect(order)
    return render(request, "accounts/order_new.html", {"form": form})


@never_cache
@login_required
@require_safe
def order_detail(request: SignedInRequest, number: UUID) -> HttpResponse:
    order = _own_order(request, number)
    return render(request, "accounts/order_detail.html", {"order": order})


@login_required
@require_POST
def order_cancel(request: SignedInRequest, number: UUID) -> HttpResponse:
    order = _own_order(request, number)
    if cancel_order(order):
        messages.success(request, _("The order was cancelled."))
    else:
        order.refresh_from_db(fields=["status"])
        text = _("The order could not be cancelled, because it is %(status)s.")
        messages.error(request, text % {"status": order.get_status_display()})
    return redirect(order)


def _own_order(request: SignedInRequest, number: UUID) -> Order:
    orders = Order.objects.filter(user=request.user).select_related("plan", "user")
    return get_object_or_404(orders, number=number)
