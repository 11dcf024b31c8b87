from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import TemplateView

from accounts import api, session_views, views

app_name = "accounts"
urlpatterns = [
    path("sign-up/", views.SignUpView.as_view(), name="sign_up"),
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("profile/", views.ProfileView.as_view(), name="profile"),
    path("password/", views.PasswordChangeView.as_view(), name="password_change"),
    path("password/reset/", views.PasswordResetView.as_view(), name="password_reset"),
    path(
        "password/reset/sent/",
        TemplateView.as_view(template_name="accounts/password_reset_sent.html"),
        name="password_reset_sent",
    ),
    path(
        "password/reset/<uidb64>/<token>/",
        views.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path("sessions/", session_views.session_list, name="sessions"),
    path("orders/", views.order_list, name="orders"),
    path("orders/new/", views.order_new, name="order_new"),
    path("orders/<uuid:number>/", views.order_detail, name="order"),
    path("orders/<uuid:number>/cancel/", views.order_cancel, name="order_cancel"),
]

# Without a language in the address.
api_urlpatterns = [
    path("payments", api.payment_callback, name="payment_callback"),
]
