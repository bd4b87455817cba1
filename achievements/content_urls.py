from achievements.content import ACHIEVEMENT
from gamification.kernel.content.routes import routes

urlpatterns = routes(ACHIEVEMENT)
