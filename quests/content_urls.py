from gamification.kernel.content.routes import routes
from quests.content import POOL, QUEST

urlpatterns = [*routes(QUEST), *routes(POOL)]
