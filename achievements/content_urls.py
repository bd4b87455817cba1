from achievements.content import ACHIEVEMENT
from gamification.kernel.content_routes import routes

urlpatterns = routes(ACHIEVEMENT)
