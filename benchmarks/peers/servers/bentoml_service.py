"""BentoML: one service class, one API, models loaded when the worker starts."""

import bentoml
import classifier


@bentoml.service(workers=1)
class Tickets:
    def __init__(self) -> None:
        self.model = classifier.load()

    @bentoml.api
    async def classify(
        self, title: str, description: str, customer_email: str | None = None
    ) -> dict[str, str | float | None]:
        answer = self.model.classify(title, description)
        return {"title": title, "description": description, "customer_email": customer_email, **answer}
