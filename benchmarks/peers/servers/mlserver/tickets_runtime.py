"""MLServer: a custom runtime, so that one request is answered with both predictions."""

import classifier
from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Tickets(MLModel):
    async def load(self) -> bool:
        self.model = classifier.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        sent = {tensor.name: StringCodec.decode_input(tensor)[0] for tensor in payload.inputs}
        answer = self.model.classify(sent["title"], sent["description"])
        outputs = [StringCodec.encode_output(name, [str(value)]) for name, value in answer.items()]
        return InferenceResponse(model_name=self.name, outputs=outputs)
