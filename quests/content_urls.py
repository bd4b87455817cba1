from gamification.kernel.content_views import routes
from quests.content import POOL, QUEST

urlpatterns = [*routes(QUEST), *routes(POOL)]
