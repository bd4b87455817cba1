from django.urls import path

from progress import views

urlpatterns = [
    path("players/<str:player_id>/metrics", views.PlayerMetrics.as_view()),
]
