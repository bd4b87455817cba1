from gamification.kernel.content.routes import routes
from rewards.content import CURRENCY, REWARD

urlpatterns = [*routes(REWARD), *routes(CURRENCY)]
