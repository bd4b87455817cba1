from django.urls import path

from gamification.simulation import views

urlpatterns = [
    path("simulate", views.Simulate.as_view()),
]
