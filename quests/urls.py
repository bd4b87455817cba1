from django.urls import URLPattern, URLResolver, path

from quests import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("players/<str:player_id>/quests", views.PlayerQuests.as_view()),
    path("quests/<str:quest_id>/progress", views.Progress.as_view()),
    path("quests/<str:quest_id>/start", views.Start.as_view()),
    path("quests/<str:quest_id>/abandon", views.Abandon.as_view()),
    path("quests/<str:quest_id>/steps/<str:step_id>/complete", views.Complete.as_view()),
]
