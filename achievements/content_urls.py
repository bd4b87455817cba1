from achievements.content import ACHIEVEMENT
from gamification.kernel.content_views import routes

urlpatterns = routes(ACHIEVEMENT)
