from django.urls import URLPattern, URLResolver, path

from achievements import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("players/<str:player_id>/achievements", views.PlayerAchievements.as_view()),
    path("achievements/<str:achievement_id>/explain", views.Explain.as_view()),
    path("achievements/<str:achievement_id>/claim", views.Claim.as_view()),
    path("achievements/<str:achievement_id>/revoke", views.Revoke.as_view()),
]
