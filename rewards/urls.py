from django.urls import URLPattern, URLResolver, path

from rewards import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("players/<str:player_id>/distributions", views.PlayerDistributions.as_view()),
    path("players/<str:player_id>/wallet", views.PlayerWallet.as_view()),
    path("players/<str:player_id>/wallet/transfers", views.PlayerTransfers.as_view()),
    path("players/<str:player_id>/wallet/<str:currency>/spend", views.SpendMoney.as_view()),
    path("players/<str:player_id>/inventory", views.PlayerInventory.as_view()),
    path("players/<str:player_id>/inventory/<str:item_id>/consume", views.Consume.as_view()),
    path("rewards/<str:reward_id>/distribute", views.Distribute.as_view()),
    path("rewards/<str:distribution_id>/claim", views.Claim.as_view()),
    path("distributions", views.Distributions.as_view()),
    path("distributions/<str:distribution_id>/revoke", views.Revoke.as_view()),
]
