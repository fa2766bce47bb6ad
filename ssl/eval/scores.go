package eval

import "context"

// The protocol of EvaluateFrozen and of marr eval, beside LinearOptions.
const (
	Temperature     = 0.07 // of the weighted k-NN vote
	FewShotPerClass = 10   // labels per class of Linear10
	FewShotDraws    = 20   // draws of these labels
	FewShotSeed     = 1    // of the draws
)

// Scores are accuracies on the test images, in percent.
type Scores struct {
	KNN1        float64 `json:"knn1"`         // label of the nearest training image by cosine
	KNN20       float64 `json:"knn20"`        // vote of the nearest 20, weighted with exp(cosine/Temperature)
	Linear      float64 `json:"linear"`       // linear probe on all labels
	Linear10    float64 `json:"linear10"`     // linear probe on FewShotPerClass labels per class: mean of FewShotDraws draws
	Linear10Std float64 `json:"linear10_std"` // standard deviation of these draws
}

// EvaluateFrozen runs k-NN, a linear probe and few-shot linear probes on frozen features. It returns ctx.Err() once ctx is done.
func EvaluateFrozen(ctx context.Context, train, test *Features) (s Scores, err error) {
	knn, err := KNN(ctx, train, test, []int{1, 20}, Temperature)
	if err != nil {
		return s, err
	}
	s.KNN1, s.KNN20 = knn[0], knn[1]
	if s.Linear, err = Linear(ctx, train, test, LinearOptions{}); err != nil {
		return s, err
	}
	s.Linear10, s.Linear10Std, err = LinearFewShot(ctx, train, test, FewShotPerClass, FewShotDraws, FewShotSeed)
	return s, err
}
