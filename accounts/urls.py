from django.urls import path

from accounts import session_views

app_name = "accounts"
urlpatterns = [path("sessions/", session_views.session_list, name="sessions")]
