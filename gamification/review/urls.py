from django.urls import path

from gamification.review import views

urlpatterns = [
    path("players/<str:player_id>/standing", views.Standing.as_view()),
]
