from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import LockNotice
from accounts.models import Department, Order, Payment, Plan, User
from accounts.orders import cancel_order, receive_payment
from core.importing.administration.changelists import ImportExportAdmin


@admin.register(User)
class UserAdmin(ImportExportAdmin, DjangoUserAdmin):
    list_display = [
        "username",
        "email",
        "phone",
        "department",
        "is_staff",
        "is_active",
        "last_login",
        "member_until",
    ]
    list_filter = ["is_staff", "is_superuser", "is_active", "department", "groups"]
    list_select_related = ["department", "membership"]
    search_fields = ["username", "email", "phone", "first_name", "last_name"]
    autocomplete_fields = ["department"]
    readonly_fields = ["member_until"]
    fieldsets = [
        *(DjangoUserAdmin.fieldsets or ()),
        (_("Contact"), {"fields": ["phone", "department"]}),
        (_("Membership"), {"fields": ["member_until"]}),
    ]
    add_fieldsets = [
        *DjangoUserAdmin.add_fieldsets,
        (_("Contact"), {"fields": ["email", "phone", "department"]}),
    ]

    @admin.display(description=_("member until"), ordering="membership__until")
    def member_until(self, user: User) -> datetime | None:
        return user.member_until


class AdminLoginForm(LockNotice, AdminAuthenticationForm):
    pass


admin.site.login_form = AdminLoginForm


@admin.register(Department)
class DepartmentAdmin(ImportExportAdmin):
    list_display = ["name", "user_count"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Department]:
        departments: QuerySet[Department] = super().get_queryset(request)
        return departments.annotate(user_count=Count("users"))

    @admin.display(description=_("users"), ordering="user_count")
    def user_count(self, department: Department) -> int:
        return department.user_count  # type: ignore[attr-defined,no-any-return]


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):
    list_display = ["name", "price", "days", "is_offered", "position"]
    list_editable = ["is_offered", "position"]


class PaymentInline(admin.TabularInline):
    model = Payment
    extra = 0
    can_delete = False
    fields = ["reference", "amount", "outcome", "received_at"]
    readonly_fields = ["reference", "amount", "outcome", "received_at"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that the site writes; what staff may do with them are actions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        hidden = self.exclude or ()
        return [field.name for field in self.opts.fields if field.name not in hidden]


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ["number", "user", "plan", "amount", "status", "placed_at"]
    list_filter = ["status", "plan"]
    list_select_related = ["user", "plan"]
    search_fields = ["number", "user__username", "payments__reference"]
    date_hierarchy = "placed_at"
    exclude = ["token"]
    inlines = [PaymentInline]
    actions = ["mark_as_paid", "cancel"]

    @admin.action(description=_("Mark as paid"), permissions=["change"])
    def mark_as_paid(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """Note money that came without the payment provider."""
        paid = 0
        for order in orders.filter(status=Order.Status.PLACED):
            payment = receive_payment(
                order, reference=f"manual-{order.number}", amount_fen=order.amount_fen
            )
            paid += payment.is_applied
        self._report(request, paid, orders.count())

    @admin.action(description=_("Cancel"), permissions=["change"])
    def cancel(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        cancelled = sum(cancel_order(order) for order in orders)
        self._report(request, cancelled, orders.count())

    def _report(self, request: HttpRequest, changed: int, selected: int) -> None:
        text = gettext("%(changed)s of %(selected)s orders were changed.")
        self.message_user(request, text % {"changed": changed, "selected": selected})


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ["reference", "order", "amount", "outcome", "received_at"]
    list_filter = ["outcome"]
    search_fields = ["reference", "order__number"]
    actions = ["mark_as_refunded"]

    @admin.action(description=_("Mark as refunded"), permissions=["change"])
    def mark_as_refunded(
        self, request: HttpRequest, payments: QuerySet[Payment]
    ) -> None:
        due = payments.filter(outcome=Payment.Outcome.REFUND_DUE)
        refunded = due.update(outcome=Payment.Outcome.REFUNDED)
        text = gettext("%(changed)s payments were marked as refunded.")
        self.message_user(request, text % {"changed": refunded})
