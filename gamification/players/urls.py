from django.urls import path

from gamification.players import views

urlpatterns = [
    path("players/<str:player_id>", views.PlayerProfile.as_view()),
    path("players/<str:player_id>/export", views.PlayerExport.as_view()),
    path("players/<str:player_id>/token", views.PlayerTokens.as_view()),
]
