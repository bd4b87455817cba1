from gamification.kernel.content_routes import routes
from rewards.content import CURRENCY, REWARD

urlpatterns = [*routes(REWARD), *routes(CURRENCY)]
