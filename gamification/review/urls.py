from django.urls import path

from gamification.review import views

urlpatterns = [
    path("players/<str:player_id>/standing", views.Standing.as_view()),
    path("players/<str:player_id>/cases", views.PlayerCases.as_view()),
    path("players/<str:player_id>/cases/<int:case_id>/appeal", views.Appeal.as_view()),
    path("cases", views.Cases.as_view()),
    path("cases/<int:case_id>", views.OneCase.as_view()),
    path("cases/<int:case_id>/votes", views.Votes.as_view()),
    path("cases/<int:case_id>/preview", views.Preview.as_view()),
    path("anticheat/findings", views.Findings.as_view()),
]
