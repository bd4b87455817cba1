from gamification.kernel.content_views import routes
from rewards.content import CURRENCY, REWARD

urlpatterns = [*routes(REWARD), *routes(CURRENCY)]
