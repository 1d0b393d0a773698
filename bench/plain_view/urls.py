"""The plain view and its address."""

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import path

from bench.plain_view.models import PlainClick


def click(request: HttpRequest, code: str) -> HttpResponseRedirect:
    saved = PlainClick.objects.create(
        code=code,
        address=request.headers["X-Forwarded-For"],
        user_agent=request.headers["User-Agent"],
        referrer=request.headers.get("Referer", ""),
        query=request.META["QUERY_STRING"],
    )
    return HttpResponseRedirect(f"https://casino.example/?cid={saved.pk}")


urlpatterns = [path("c/<str:code>", click)]
